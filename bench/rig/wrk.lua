-- Sends prepared bodies in turn and reports what wrk measured as one line of JSON.
-- Arguments after `--`: target, directory of the bodies, their number, then header lines.

local requests = {}
local last = 0

function init(args)
  local headers = {}
  for n = 4, #args do
    local name, value = args[n]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  for n = 1, tonumber(args[3]) do
    local file = assert(io.open(args[2] .. "/" .. n, "rb"))
    requests[n] = wrk.format("POST", args[1], headers, file:read("*a"))
    file:close()
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

-- wrk asks for a pause only where this function exists.
local pause = tonumber(os.getenv("WRK_PAUSE_MS") or 0)
if pause > 0 then
  function delay() return pause end
end

-- Latencies are microseconds. The script's globals differ per thread; this runs once, in the main one.
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"calls": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, "p999": %.1f, "longest": %.1f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
