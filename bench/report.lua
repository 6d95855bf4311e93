-- Prints the result of a wrk run as one line of JSON. The other scripts include this file.

function done(summary, latency, requests)
  local errors = summary.errors
  local fields = {
    answers = summary.requests,
    seconds = summary.duration / 1e6,
    p50 = latency:percentile(50) / 1e3,
    p99 = latency:percentile(99) / 1e3,
    refused = errors.status + sum_over(threads, "unexpected"),
    broken = errors.connect + errors.read + errors.write + errors.timeout,
  }
  local parts = {}
  for name, value in pairs(fields) do parts[#parts + 1] = string.format('"%s": %.6f', name, value) end
  print("{" .. table.concat(parts, ", ") .. "}")
end

threads = {}
function setup(thread)
  thread:set("thread_number", #threads)
  threads[#threads + 1] = thread
end

function sum_over(threads, name)
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + (thread:get(name) or 0) end
  return sum
end
