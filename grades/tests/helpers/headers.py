"""Headers of the callers of staff pages."""

JSON = {"accept": "application/json"}
JQUERY = {"accept": "application/json, text/javascript, */*; q=0.01", "x-requested-with": "XMLHttpRequest"}
FRAGMENT = {"accept": "text/html", "x-requested-with": "XMLHttpRequest"}
HTML = {"accept": "text/html"}
ENGLISH = {"accept-language": "en"}
