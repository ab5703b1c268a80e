import '../../styles/base.css'
import '../../styles/customer.css'
import './send.ts'
import './session.ts'
import { showLatest } from './latest.ts'
import { forgetOldShared } from './shared-files.ts'

void showLatest()
void forgetOldShared().catch(() => {})

if ('serviceWorker' in navigator) addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => {}))
