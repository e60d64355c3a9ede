"""The report: tables and sentences from estimates, and their rendering to offline pages."""
