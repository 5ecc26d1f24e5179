"""Read API documents, and derive facts from them: what can be called, what comes back, and how pages follow.

A document is OpenAPI 3.0 or 3.1, Swagger 2.0, or Heroku's JSON Hyper-Schema. The facts are a compact table, from which
functions are made when they are needed. A document is untrusted: it is read in the reader, references lead only into
the document itself, and of its texts only short summaries in a safe alphabet are kept.

references.py    follow references, within bounds
shapes.py        the fields of a schema, whatever combines them
fields.py        the notation of a field, and columns made from fields
secrets.py       which fields are secret in services that nobody reviewed
openapi.py       OpenAPI and Swagger: operations, parameters, responses, servers, authentication
parameters.py    the parameters of an operation
paging.py        how the pages of a list follow, as far as a document says
names.py         names of functions from paths
hyper_schema.py  Heroku's JSON Hyper-Schema
facts.py         what two tables of facts differ in
functions.py     functions made from facts
"""
