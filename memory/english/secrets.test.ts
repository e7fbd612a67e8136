import { describe, expect, test } from 'bun:test'
import { holdsSecret } from './secrets.ts'

describe('holdsSecret', () => {
  test.each([
    'my password is hunter2',
    'the wifi password: swordfish',
    'passphrase = correct horse battery staple',
    'my PIN is 4711',
    'api_key=abcdef123456',
    'The API key is sk-proj-4fG7hJ9kLmN2pQ5rS8tV',
    'use sk-ant-api03-abcdefghijklmnop here',
    'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
    'AKIAIOSFODNN7EXAMPLE',
    'xoxb-123456789012-abcdef',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc',
    '-----BEGIN RSA PRIVATE KEY-----',
    'postgres://admin:s3cr3t@db.example.com/app',
    'card 4111 1111 1111 1111',
    'card 4111-1111-1111-1111 exp 12/28',
    'my social security number is 078-05-1120',
    'hunter2! is my email password',
    'token: 9f86d081884c7d659a2feaa0c55ad015',
    'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v',
  ])('%j does', (text) => {
    expect(holdsSecret(text)).toBe(true)
  })

  test.each([
    'The staging password rotates monthly',
    'My password is stored in a manager',
    'The password is never shared',
    'Our API key is kept in Vault',
    'The token is expired',
    'User prefers password managers',
    'My phone number is 555 0100',
    'Order 1234 5678 9012 3456 arrived',
    'User was born in 1990',
    'User lives at 12 Elm Street',
    'User uses https://example.com/a/b for tests',
    'internationalization-and-localization',
    'User pins the versions of packages',
  ])('%j does not', (text) => {
    expect(holdsSecret(text)).toBe(false)
  })
})
