{{ shares_of('organization') }}
