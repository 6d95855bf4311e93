-- Look-ups for wrk. Arguments: the method, the path, and a file whose lines are a query or body, a tab and headers
-- as `name: value` with tabs between them; wrk goes through them over and over.

dofile("bench/report.lua")

local requests, turn = {}, 0

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
  turn = thread_number * 97
end

function request()
  turn = turn + 1
  return requests[turn % #requests + 1]
end

-- A redirect to the login, or an empty list, is no look-up.
unlike = 0
function response(status, headers, body)
  if status ~= 200 or #body < 20 then unlike = unlike + 1 end
end
