using CloudTab.Pages;

namespace CloudTab.Services.Tests;

/// <summary>Amounts as people read them, and as programs do.</summary>
public sealed class MoneyTests
{
    [Theory]
    [InlineData(0, "INR", "₹0.00", "0.00")]
    [InlineData(8_200, "INR", "₹82.00", "82.00")]
    [InlineData(125_050, "INR", "₹1,250.50", "1250.50")]
    [InlineData(1_250_000_000, "INR", "₹1,25,00,000.00", "12500000.00")]
    [InlineData(12_500_000, "USD", "$125,000.00", "125000.00")]
    [InlineData(1_250, "JPY", "JPY 1,250", "1250")]
    [InlineData(1_250_500, "KWD", "KWD 1,250.500", "1250.500")]
    public void An_amount_has_its_currencys_decimals_and_groups(long amount, string currency, string read, string number)
    {
        Assert.Equal(read, Money.Format(amount, currency));
        Assert.Equal(number, Money.Number(amount, currency));
    }

    [Fact]
    public async Task The_scripts_write_an_amount_of_any_currency_as_the_server_does()
    {
        var written = await Scripts.RunAsync(
            "shared/money.ts", "({ money }) => Object.fromEntries(Intl.supportedValuesOf('currency').map((currency) => [currency, money(123456789, currency)]))");

        var amounts = written.EnumerateObject().ToDictionary(amount => amount.Name, amount => amount.Value.GetString(), StringComparer.Ordinal);
        Assert.Equal(amounts.Keys.ToDictionary(currency => currency, currency => Money.Format(123_456_789, currency), StringComparer.Ordinal), amounts!);
        Assert.Equal("PKR 1,234,567.89", amounts["PKR"]);
    }
}
