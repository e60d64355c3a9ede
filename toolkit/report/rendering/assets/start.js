// After everything above is set up. The marks are what benchmarks/pages.py reads.

reveal();
markPlace();
performance.mark("usable");
drawNear().then(() => performance.mark("charts"));
