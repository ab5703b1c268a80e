namespace CloudTab.ShopApi; internal sealed class ShopOptions;
