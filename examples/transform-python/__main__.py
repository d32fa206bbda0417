from headgate.plugin import serve
from shout import shout

serve(shout)
