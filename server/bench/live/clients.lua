-- Eight looks at a balance, one at a history and one write, of 60,000 clients in turn, each with
-- a key of its own: nobody asks often enough to trip a rule.
local n, i, all = 60000, 0, {}
local authz = os.getenv("KIND") == "authz"

function init(args)
  for k = 1, n do
    local h = {
      ["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.floor(k / 65536), math.floor(k / 256) % 256, k % 256),
      ["X-API-Key"] = "user_key_" .. k, ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) bench", ["Accept"] = "application/json",
    }
    if authz then
      h["X-Original-URI"], h["X-Original-Method"] = "/api/balance", "GET"
      all[k] = wrk.format("GET", "/authz", h)
    elseif k % 10 == 0 then
      h["Content-Type"] = "application/json"
      all[k] = wrk.format("POST", "/api/notes", h, '{"amount": 120.5, "recipient": "merchant_123"}')
    elseif k % 10 == 1 then
      all[k] = wrk.format("GET", "/api/history", h)
    else
      all[k] = wrk.format("GET", "/api/balance", h)
    end
  end
end

function request()
  i = i % n + 1
  return all[i]
end
