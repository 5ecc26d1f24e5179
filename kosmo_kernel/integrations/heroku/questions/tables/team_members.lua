-- title: Team members
-- about: The members of each team, and who is invited.
-- needs: list_team_members, list_team_invitations
-- key: team, email, state
-- columns: team, email, name, role, state, two_factor, single_sign_on, invited_by, created_at, id
-- page: team, email, name, role, state, two_factor, single_sign_on
-- order: team, state, email
local of_teams, rows = { team = heroku.list_teams() }, {}
for _, member in ipairs(heroku.list_team_members(of_teams)) do
  rows[#rows + 1] = {
    team = member.team, email = member.email, name = member.user and member.user.name,
    role = member.role,
    state = "member", two_factor = member.two_factor_authentication,
    single_sign_on = member.federated,
    created_at = member.created_at, id = member.id,
  }
end
for _, invitation in ipairs(heroku.list_team_invitations(of_teams)) do
  rows[#rows + 1] = {
    team = invitation.team.name, email = invitation.user.email, name = invitation.user.name,
    role = invitation.role,
    state = "invited", invited_by = invitation.invited_by and invitation.invited_by.email,
    created_at = invitation.created_at, id = invitation.id,
  }
end
return rows
