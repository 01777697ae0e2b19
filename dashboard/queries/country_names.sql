select country_key, country_name
from dim_countries
