// Files: what a person uploads, and whether it is a text at all. Nothing is guessed: what cannot be read is refused.

// Says where a file is no text, in the words that the server has for it; null where it is one.
export function findNoText(bytes) {
  const nul = bytes.indexOf(0);
  const place = nul < 0 ? countReadable(bytes) : nul;
  if (place === bytes.length) return null;
  const line = bytes.subarray(0, place).reduce((lines, byte) => lines + (byte === 10), 1);
  const what = nul < 0 ? `0x${bytes[place].toString(16).toUpperCase()}, which is not UTF-8` : "a NUL byte";
  return `the file is no text: byte ${(place + 1).toLocaleString("en")} (line ${line}) is ${what}`;
}

// Counts the bytes from the start that are whole letters of UTF-8.
function countReadable(bytes) {
  const isText = (count, stream) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, count), { stream });
      return true;
    } catch {
      return false;
    }
  };
  let [good, bad] = [0, bytes.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isText(middle, true)) good = middle;
    else bad = middle;
  }
  while (!isText(good, false)) good -= 1; // the last letter may be cut off
  return good;
}
