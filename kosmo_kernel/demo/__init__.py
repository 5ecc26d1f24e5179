"""What serves the demo of any service: its today, a server on a port, faults, and look-alikes made from facts.

times.py            the today of all demos
server.py           an HTTP server for one application
faults.py           faults of a network, and of the pages after the first
service_api.py      a look-alike of any service, with records and pages of its own

The fictional Heroku account is in the folder of its service, `integrations/heroku/demo`.
"""
