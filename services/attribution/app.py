"""For who knows Faust: `faust -A services.attribution.app worker`. The same worker as `koc attribution worker`."""

from services.attribution.worker.app import create_app
from services.runtime.log import configure_logging
from services.runtime.settings import settings

configure_logging(settings().instance_id or "attribution")
app = create_app()
