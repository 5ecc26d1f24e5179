"""The HTTP client: call a function of a service with its arguments, and return complete data or raise an error.

It has no code for a particular service. Headers, pagination, error bodies and the request budget are described by the
`Integration`; the token and the address come from the `Account`.

    thread_pool.py   the threads in which calls are made
    fan_out.py       one call for each item of a list argument
    client.py        the client of one account, and the exchange of each call: requests, and what responses have
    bulk.py          answers many calls from lists of the whole account
    rate_limiter.py  when a request may be sent
    retry.py         which failures are retried, and after which pause
    etag_cache.py    the pages of earlier answers, revalidated by ETag
    connections.py   the network: the only file that uses the HTTP library
    responses.py     the errors of responses: what happened, where, and what to do
    secrets.py       takes secrets out of responses
    call.py          the handle of a call, its reply, and a call of a dry run
    transport.py     how requests reach a service, or saved answers in their place
"""
