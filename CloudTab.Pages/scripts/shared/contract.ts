/** The contract's types, generated from docs/openapi. */
import type { components as Customer } from '../generated/customer.ts'
import type { components as Shopkeeper } from '../generated/shopkeeper.ts'

export type CustomerSchemas = Customer['schemas']
export type ShopkeeperSchemas = Shopkeeper['schemas']
