#!/bin/sh
# Writes the secrets that docker-compose.yml names into deploy/secrets/, each once: what is there stays.
# The folder is for its owner alone. The files in it can be read by others, because a container sees them with
# the owner and mode that they have here, and its program is a user of its own.
set -eu
umask 022
folder="$(dirname "$0")/secrets"
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
write() { [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"; }

write secret_key "$(random)"
write postgres_password "$(random)"
write valkey_password "$(random)"
write database_url "postgresql://hookwright:$(cat "$folder/postgres_password")@postgres:5432/hookwright"
write redis_url "redis://:$(cat "$folder/valkey_password")@valkey:6379/0"
echo "secrets are in $folder; keep a copy of secret_key where no backup of the database is"
