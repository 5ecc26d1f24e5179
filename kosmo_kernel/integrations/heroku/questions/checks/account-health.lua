-- title: What is wrong with the account itself
-- severity: high
-- why: An account without a second factor is one password away from a stranger, and one that is suspended or behind
--   with payments loses its apps. One that is not verified has no means of payment: it cannot order paid dynos and
--   add-ons for apps of its own; where a team pays for everything, that may be as it should.
-- do: https://dashboard.heroku.com/account
-- scope: identity
-- key: account, problem
-- profile: start
local me, rows = heroku.get_current_user(), {}
local problems = {
  ["not verified"] = not me.verified, ["suspended"] = me.suspended_at,
  ["no second factor"] = not me.two_factor_authentication and not me.federated,
  ["behind with payments"] = me.delinquent_at,
}
for problem, is_so in pairs(problems) do
  rows[#rows + 1] = is_so and { account = me.email, problem = problem } or nil
end
return list.sort_by(rows, "problem")
