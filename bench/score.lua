-- Ratings for wrk, in the format of the article's mini program: a form of JSON values. No account number repeats.
-- Arguments: the path, the number of the first rating and, for bench/memory.py, the number of replies to stop after.

dofile("bench/report.lua")

local remarks = {}
for text in ([[服务态度很好，师傅准时上门，装完还收拾干净了👍
非常满意😊
网络经常掉线，影响孩子上网课，打了三次客服都没解决，希望尽快安排师傅上门检修
等了三天没人来
比上次好一点，价格能再优惠就好了
五星好评！老人也能听懂，谢谢🙏]]):gmatch("[^\n]+") do
  remarks[#remarks + 1] = text:gsub("[^%w]", function(c) return string.format("%%%02X", c:byte()) end)
end

local path, number, remaining
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["charset"] = "utf-8" }
local has_addresses = os.getenv("BENCH_ADDRESSES") -- for bench/limits.py: as a proxy reports its clients

function init(args)
  path = args[1]
  number = tonumber(args[2]) + thread_number * 500000
  remaining = tonumber(args[3])
  -- Reading replies costs wrk time. The other benchmarks count the rows instead.
  if remaining then response = count_down end
end

function request()
  number = number + 1
  if has_addresses then
    headers["X-Forwarded-For"] = string.format("10.9.%d.%d", number / 256 % 256, number % 256)
  end
  -- 899981 and 10 have no common factor, so each account number occurs once, in a scattered order.
  return wrk.format("POST", path, headers, string.format(
    "acc_nbr=%%221%010.0f%%22&grade1=%d&grade2=%d&grade3=%d&txt1=%%22%s%%22&txt2=%%22%%22&txt3=%%22%%22",
    number * 899981 % 1e10, number % 5 + 1, number / 5 % 5 + 1, number / 25 % 5 + 1, remarks[number % #remarks + 1]))
end

function count_down(status)
  if status ~= 200 then unexpected = (unexpected or 0) + 1 end
  remaining = remaining - 1
  if remaining == 0 then wrk.thread:stop() end
end
