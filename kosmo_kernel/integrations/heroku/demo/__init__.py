"""The demo account: a fictional company and a look-alike of Heroku's API, for reading.

company_data.py    Larkmoor Parcels: its people, teams and apps; generated.py makes a company of any size
models.py          apps, dynos, add-ons, domains and seats from few facts
company.py         a company as one account sees it
record_maker.py    records of any resource, from the facts of the schema
app_records.py, account_records.py, offers.py    lists that are more than that
records.py         what is at which path
http.py            errors, the rate limit and ranges
api.py             the WSGI application, and what can go wrong with its answers

`kosmo_kernel/demo` serves it on a port.
"""
