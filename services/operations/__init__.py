"""What people ask of both services: explain an order, wait until all is booked."""
