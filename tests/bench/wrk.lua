-- Posts the requests of a file in turn, each sending under a number of its own; ends with one line of JSON.
-- The file: for each request a line of the lengths of its pieces, then the pieces; the number goes between them.

local requests, sent = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local data, position = file:read("*a"), 1
  file:close()
  while position <= #data do
    local line_end = data:find("\n", position, true)
    local pieces, start = {}, line_end + 1
    for length in data:sub(position, line_end - 1):gmatch("%d+") do
      pieces[#pieces + 1] = data:sub(start, start + length - 1)
      start = start + length
    end
    requests[#requests + 1] = pieces
    position = start
  end
end

function request()
  local pieces = requests[sent % #requests + 1]
  sent = sent + 1
  return table.concat(pieces, tostring(sent))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\n{"count": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
