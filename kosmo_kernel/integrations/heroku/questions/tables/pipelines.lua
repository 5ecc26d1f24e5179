-- title: Pipelines
-- about: Every pipeline, with the number of apps in each stage.
-- needs: list_pipelines
-- key: id
-- columns: name, owner, owner_type, generation, test, review, development, staging, production, created_at, id
-- page: name, owner, review, development, staging, production
-- order: name
local couplings = list.group_by(heroku.list_pipeline_couplings(), "pipeline.id")
local owners, teams = {}, heroku.list_teams()
local function add(id, name) if id then owners[id] = name end end
for _, member in ipairs(heroku.list_team_members({ team = teams })) do
  add(member.user and member.user.id, member.user and member.user.email or member.email)
end
for _, seat in ipairs(heroku.list_collaborators({ app_id = heroku.list_apps() })) do
  add(seat.user.id, seat.user.email)
end
for _, team in ipairs(teams) do add(team.id, team.name) end
return list.map(heroku.list_pipelines(), function(pipeline)
  local counts, owner = list.count_by(couplings[pipeline.id] or {}, "stage"), pipeline.owner or {}
  local is_known = was_read("list_pipeline_couplings")
  local function count(stage) return is_known and (counts[stage] or 0) or nil end
  return {
    name = pipeline.name, owner = owners[owner.id] or owner.id, owner_type = owner.type,
    generation = pipeline.generation and pipeline.generation.name, test = count("test"),
    review = count("review"),
    development = count("development"), staging = count("staging"),
    production = count("production"),
    created_at = pipeline.created_at, id = pipeline.id,
  }
end)
