{{ shares_of('country_key') }}
