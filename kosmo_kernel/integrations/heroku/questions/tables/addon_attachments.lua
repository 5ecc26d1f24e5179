-- title: Add-on attachments
-- about: Which app uses which add-on, and under what name.
-- needs: list_addon_attachments
-- key: id
-- columns: addon, app, attachment, owner_app, shared, namespace, created_at, id
-- page: addon, app, attachment, owner_app, shared
-- order: addon, app, attachment
return list.map(heroku.list_addon_attachments(), function(one)
  local owner = one.addon.app and one.addon.app.name
  return {
    addon = one.addon.name, app = one.app.name, attachment = one.name, owner_app = owner,
    shared = owner ~= one.app.name, namespace = one.namespace, created_at = one.created_at,
    id = one.id,
  }
end)
