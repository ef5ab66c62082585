// Ends this process when whoever started it is gone, however that came: `node --require`.
'use strict';
process.stdin.on('end', () => process.exit(0)).resume();
