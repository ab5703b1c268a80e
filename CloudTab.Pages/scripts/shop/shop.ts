import '../../styles/shop.css'
import './counter.ts'
