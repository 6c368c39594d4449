// cose_check.mjs FILE ID NETWORK: is FILE a record of that id? See README.md.
import { createHash, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Sign1, decode } from '@auth0/cose'
import { decode as cbor, Encoder } from 'cbor-x'

const [file, id, network] = process.argv.slice(2)
const aad = Buffer.from('lyceum/1/' + network)

async function main () {
  const raw = readFileSync(file)
  const record = decode(raw, Sign1)
  const header = cbor(record.encodedProtectedHeaders)
  const kid = header instanceof Map ? header.get(4) : header[4]
  const key = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(kid).toString('base64url') }
  })
  await record.verify(key, { externalAAD: aad })
  const encoder = new Encoder({ tagUint8Array: false, useRecords: false })
  const tbs = encoder.encode(['Signature1', Buffer.from(record.encodedProtectedHeaders),
    aad, Buffer.from(record.payload)])
  const got = createHash('sha256').update(tbs).digest('hex')
  if (got !== id) throw new Error('another id')
}

main().then(() => console.log('good'), e => {
  console.log(String(e))
  process.exit(1)
})
