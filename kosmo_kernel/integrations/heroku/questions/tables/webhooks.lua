-- title: Webhooks
-- about: Who is told of events in each app. Addresses are secrets, so only the host is here.
-- needs: list_app_webhooks
-- key: id
-- columns: app, host, level, events, created_at, id
-- page: app, host, level, events
-- order: app, host
return list.map(heroku.list_app_webhooks({ app_id = heroku.list_apps() }), function(webhook)
  return {
    app = webhook.app_id, host = webhook.host, level = webhook.level,
    events = webhook.include or json.array({}), created_at = webhook.created_at, id = webhook.id,
  }
end)
