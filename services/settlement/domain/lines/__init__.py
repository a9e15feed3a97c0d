"""An order line: how assertions fold into it, and which rows its new truth writes."""
