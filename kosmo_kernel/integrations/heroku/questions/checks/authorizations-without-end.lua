-- title: API tokens without an end
-- severity: medium
-- why: A token of this account that never ends works on when the laptop, the build service or
--   the colleague that it was made for is long gone.
-- do: `heroku authorizations:revoke ID`. A new one:
--   `heroku authorizations:create -d DESCRIPTION -s read -e SECONDS`
-- scope: global
-- key: id
local tokens = list.filter(heroku.list_oauth_authorizations(), "access_token")
local endless = list.reject(tokens, "access_token.expires_in")
return list.map(endless, function(one)
  local scope = list.join(one.scope, ", ")
  return { id = one.id, description = one.description, scope = scope, since = one.created_at }
end)
