"""Read API documents, and derive facts from them: what can be called, what comes back, and how pages follow.

A document is OpenAPI 3.0 or 3.1, Swagger 2.0, or Heroku's JSON Hyper-Schema. The facts are a compact table, from which
functions are made when they are needed. A document is untrusted: it is read in the reader, references lead only into
the document itself, and of its texts only short summaries in a safe alphabet are kept.

openapi.py       OpenAPI and Swagger: what can be read, servers and authentication
hyper_schema.py  Heroku's JSON Hyper-Schema: the same of its links
derivation.py    what an operation takes and returns, and how pages follow, for all of these; differences of two tables
shapes.py        the fields of a schema, whatever combines them, and references, within bounds
fields.py        the notation of a field, which fields are secret, and columns made from fields
names.py         names of functions from paths
"""
