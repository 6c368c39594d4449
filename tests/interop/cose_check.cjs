// cose_check.cjs FILE ID NETWORK: is FILE a record of that id? See README.md.
const { createHash, createPublicKey } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { Sign1, decode } = require('@auth0/cose')
const { decode: cbor, Encoder } = require('cbor-x')

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
