"""HTTP for one account of one service: a function and its arguments in, complete data or an error out.

Nothing here knows a service by name. Headers, how a page leads to the next, what an error body means and where the
request budget is told come from the `Integration`; the token and the address from the `Account`.

    client.py        what all threads that ask with one account share
    fetch.py         one call: page after page, each tried until it is there
    retry.py         which failures pass by themselves, and how long to wait for that
    etag_cache.py        pages that the service need not send again
    bulk.py      many calls answered from lists of the whole account
    connections.py   the network: the only file that knows the HTTP library
    cassette.py      answers in a file: recorder.py writes them, player.py is asked in place of the network; those of
                     MCP servers are in it too
"""
