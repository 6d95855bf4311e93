-- Look-ups for wrk, repeated in a loop. Arguments: the method, the path and a file. A line of the file is a query or
-- body and its headers (`name: value`), separated by tabs.

dofile("bench/report.lua")

local requests, position = {}, 0

function init(args)
  local method, path, file = unpack(args)
  for line in io.lines(file) do
    local headers, fields
    for part in line:gmatch("[^\t]+") do
      if not fields then
        fields, headers = part, {}
      else
        local name, value = part:match("^(.-): (.*)$")
        headers[name] = value
      end
    end
    if method == "GET" then
      requests[#requests + 1] = wrk.format(method, path .. "?" .. fields, headers)
    else
      headers["Content-Type"] = "application/x-www-form-urlencoded"
      requests[#requests + 1] = wrk.format(method, path, headers, fields)
    end
  end
  position = thread_number * 97
end

function request()
  position = position + 1
  return requests[position % #requests + 1]
end

-- A redirect to the login and an empty list count as unexpected replies.
unexpected = 0
function response(status, headers, body)
  if status ~= 200 or #body < 20 then unexpected = unexpected + 1 end
end
