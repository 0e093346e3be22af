"""Two jobs of a CI server clean the same cache at the same time.

On Windows each meets what the other has open (32), or has not removed yet (145), at random places.
"""
