"""The HTTP client: call a function of a service with its arguments, and return complete data or raise an error.

It has no code for a particular service. Headers, pagination, error bodies and the request budget are described by the
`Integration`; the token and the address come from the `Account`.

    call.py          the handle of a call, its reply, and how it reaches a service
    client.py        the client of one account, and the exchange of each call: requests, and what responses have
    fan_out.py       many calls: for each item of a list, in threads, or from lists of the whole account
    rate_limiter.py  when a request may be sent
    retry.py         which failures are retried, how often, and after which pause
    connections.py   the requests of an account, and how many there are at a time
    transport.py     how a response is read, and requests to an API in this process
    network.py       the network: the only file that uses the HTTP library
    pages.py         what follows a page of a list
    responses.py     the errors of responses: what happened, where, and what to do
    secrets.py       takes secrets out of responses
"""
