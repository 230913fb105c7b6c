"""Store: everything that knows SQLAlchemy. One module a noun; `tables` and `workbench` say what there is."""

from gateway.store import workbench as workbench  # its tables belong to the metadata, whoever asks for that
