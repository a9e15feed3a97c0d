"""The worker for people who know Faust: `faust -A services.attribution.app worker` is `koc attribution worker`."""

from services.attribution.worker.app import create_app
from services.runtime.log import configure_logging
from services.runtime.settings import settings

configure_logging(settings().instance_id or "attribution")
app = create_app()
