using System.Text.RegularExpressions;

namespace CloudTab.Services.Tests;

/// <summary>The Migrator's verbs, by which an operator adds shops and keys and sets what they may, on a database that is migrated.</summary>
public sealed class VerbsTests(Dependencies dependencies) : IAsyncLifetime
{
    private const string Key = "a-key-of-the-operators-own";

    private string _database = "";

    public async ValueTask InitializeAsync() => _database = await dependencies.CreateDatabaseAsync();

    public async ValueTask DisposeAsync() => await dependencies.DropDatabaseAsync(_database);

    [Fact]
    public async Task Shops_are_added_listed_closed_and_opened()
    {
        Assert.Equal((0, "Added."), await RunAsync("shop", "add", "corner-print", "Corner Print"));
        Assert.Equal((0, "Was there already."), await RunAsync("shop", "add", "corner-print", "Corner Print"));
        Assert.Equal((0, ""), await RunAsync("shop", "close", "corner-print"));
        Assert.Equal((0, "corner-print\tCorner Print\tclosed\t0 keys\ndefault\tPrint shop\topen\t0 keys"), await RunAsync("shop", "list"));
        Assert.Equal((0, ""), await RunAsync("shop", "open", "corner-print"));
        Assert.Contains("Corner Print\topen", (await RunAsync("shop", "list")).Output, StringComparison.Ordinal);

        Assert.Equal((0, ""), await RunAsync("shop", "suspend", "corner-print"));
        Assert.Contains("Corner Print\tsuspended", (await RunAsync("shop", "list")).Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), await RunAsync("shop", "open", "corner-print"));
        Assert.Contains("Corner Print\topen", (await RunAsync("shop", "list")).Output, StringComparison.Ordinal);

        foreach (var verb in (string[])["open", "close", "suspend"])
            Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync("shop", verb, "nowhere"));
        var (code, output) = await RunAsync("shop", "add", "Not an id", "Name");
        Assert.Equal(1, code);
        Assert.StartsWith("A shop's id has 1 to 63 characters", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
    }

    [Fact]
    public async Task Limits_of_a_shop_are_set_listed_and_reset()
    {
        Assert.Equal((0, "files\tdefault\nfile-size\tdefault\nsession-size\tdefault\noutstanding\tdefault"), await RunAsync("shop", "limit", "default"));
        Assert.Equal((0, ""), await RunAsync("shop", "limit", "default", "files", "7"));
        Assert.Equal((0, ""), await RunAsync("shop", "limit", "default", "outstanding", "5368709120"));
        Assert.Equal((0, "files\t7\nfile-size\tdefault\nsession-size\tdefault\noutstanding\t5368709120"), await RunAsync("shop", "limit", "default"));
        Assert.Equal((0, ""), await RunAsync("shop", "limit", "default", "files", "default"));
        Assert.StartsWith("files\tdefault", (await RunAsync("shop", "limit", "default")).Output, StringComparison.Ordinal);

        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync("shop", "limit", "nowhere"));
        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync("shop", "limit", "nowhere", "files", "7"));
        Assert.Equal((1, "The value is a whole number, or `default`"), await RunAsync("shop", "limit", "default", "files", "many"));
        Assert.Equal((1, "The value is a whole number, or `default`"), await RunAsync("shop", "limit", "default", "files"));
        foreach (var value in (string[])["0", "401", "1001", "99999999999"])
            Assert.Equal((1, "A session may hold 1 to 400 files; sizes are 1 byte or more"), await RunAsync("shop", "limit", "default", "files", value));
    }

    [Fact]
    public async Task What_a_shop_prints_and_for_how_much_is_listed_and_set()
    {
        Assert.Equal((0, "currency\tINR\ntwo-sided\ttrue\nupi\tnone"), await RunAsync("shop", "offer", "default"));

        Assert.Equal((0, ""), await RunAsync("shop", "price", "default", "photo", "color", "3000"));
        Assert.Equal((0, ""), await RunAsync("shop", "price", "default", "a4", "color", "none"));
        Assert.Equal((0, ""), await RunAsync("shop", "price", "default", "a4", "monochrome", "0"));
        Assert.Equal((0, ""), await RunAsync("shop", "price", "default", "a4", "monochrome", "200"));
        Assert.Equal((0, ""), await RunAsync("shop", "upi", "default", "corner.print@bank"));
        Assert.Equal((0, ""), await RunAsync("shop", "offer", "default", "--two-sided", "false"));
        Assert.Equal(
            (0, "currency\tINR\ntwo-sided\tfalse\nupi\tcorner.print@bank\na4\tmonochrome\t200\na4\tcolor\tnone\nphoto\tcolor\t3000"),
            await RunAsync("shop", "offer", "default"));

        Assert.Equal((1, "upiAddress must be null: UPI pays in INR only."), await RunAsync("shop", "offer", "default", "--currency", "EUR"));
        Assert.Equal((0, ""), await RunAsync("shop", "upi", "default", "none"));
        Assert.Equal((0, ""), await RunAsync("shop", "offer", "default", "--currency", "EUR"));
        foreach (var (media, colorMode) in ((string, string)[])[("a4", "color"), ("a4", "monochrome"), ("photo", "color"), ("letter", "color")])
            Assert.Equal((0, ""), await RunAsync("shop", "price", "default", media, colorMode, "remove"));
        Assert.Equal((0, "currency\tEUR\ntwo-sided\tfalse\nupi\tnone"), await RunAsync("shop", "offer", "default"));
    }

    [Theory]
    [InlineData("There is no shop 'nowhere'", "offer", "nowhere")]
    [InlineData("There is no shop 'nowhere'", "offer", "nowhere", "--currency", "EUR")]
    [InlineData("There is no shop 'nowhere'", "upi", "nowhere", "a@bank")]
    [InlineData("There is no shop 'nowhere'", "price", "nowhere", "a4", "color", "1")]
    [InlineData("currency must be three letters of ISO 4217, such as INR.", "offer", "default", "--currency", "rupees")]
    [InlineData("upiAddress must be an address of UPI, such as shop@bank, or null.", "upi", "default", "bank")]
    [InlineData("The price is a whole number, `none` or `remove`", "price", "default", "a4", "color", "1.50")]
    [InlineData("price must be a whole number from 0 to 1000000, or null.", "price", "default", "a4", "color", "1000001")]
    [InlineData("'a5'", "price", "default", "a5", "color", "1")]
    public async Task An_offer_that_cannot_be_is_refused(string reason, params string[] arguments)
    {
        var (code, output) = await RunAsync(["shop", .. arguments]);

        Assert.Equal(1, code);
        Assert.Contains(reason, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.Equal((0, "currency\tINR\ntwo-sided\ttrue\nupi\tnone"), await RunAsync("shop", "offer", "default"));
    }

    [Fact]
    public async Task Keys_are_added_imported_listed_and_revoked()
    {
        var (code, made) = await RunAsync("key", "add", "default", "Front desk");
        Assert.Equal(0, code);
        Assert.Matches("^ctk_[0-9a-z]{8}_[A-Za-z0-9_-]{43}$", made);
        Assert.Equal((0, Key), await RunAsync("key", "add", "default", "Back office", "--import", Key));
        Assert.Equal((1, "This key is stored already"), await RunAsync("key", "add", "default", "Again", "--import", Key));
        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync("key", "add", "nowhere", "Front desk"));
        Assert.Equal((1, "The key must have 20 to 512 characters"), await RunAsync("key", "add", "default", "Long", "--import", new string('k', 513)));
        Assert.Equal((1, "The key must have 20 to 512 characters"), await RunAsync("key", "add", "default", "Short", "--import", new string('k', 19)));

        var listed = (await RunAsync("key", "list", "default")).Output.Split('\n');
        Assert.Equal(2, listed.Length);
        Assert.DoesNotContain(listed, line => line.Contains(made, StringComparison.Ordinal) || line.Contains(Key, StringComparison.Ordinal));
        var front = Assert.Single(listed, line => line.Contains("Front desk", StringComparison.Ordinal)).Split('\t');
        Assert.Equal((made[..12], "valid", "never used"), (front[1], front[4], front[5]));

        Assert.Equal((0, "Revoked."), await RunAsync("key", "revoke", front[0]));
        Assert.Equal((1, "There is no such key, or it is revoked already"), await RunAsync("key", "revoke", front[0]));
        Assert.Contains("Front desk", Assert.Single((await RunAsync("key", "list", "default")).Output.Split('\n'), line => line.Contains("\trevoked ", StringComparison.Ordinal)), StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync("key", "add", "default", "Print agent", "--device")).Code);
        Assert.EndsWith("\tdevice", Assert.Single((await RunAsync("key", "list", "default")).Output.Split('\n'), line => line.Contains("Print agent", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain(listed, line => line.Contains("device", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Webhooks_are_added_listed_tested_rotated_and_removed()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var address = receiver.AddressOf("/hook?of=default");
        (string Name, string Value)[] settings = [("WEBHOOKS_TO_PRIVATE_ADDRESSES", "true")];

        Assert.Equal((1, "The address is not https://"), await RunAsync("webhook", "add", "default", address));
        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync("webhook", "add", "nowhere", "https://shop.example/hook"));
        var (code, added) = await dependencies.RunMigratorAsync(_database, "unused", settings, "webhook", "add", "default", address);
        Assert.Equal(0, code);
        Assert.Matches("^[0-9a-f-]{36}	whsec_[A-Za-z0-9+/]{43}=$", added);
        var (id, secret) = (added.Split('	')[0], added.Split('	')[1]);

        Assert.Equal((0, "Accepted: HTTP 204"), await dependencies.RunMigratorAsync(_database, "unused", settings, "webhook", "test", "default", id));
        var test = Assert.Single(receiver.Posts);
        Assert.Equal("test", test.Json.Text("type"));
        Assert.True(test.IsSignedBy(Convert.FromBase64String(secret["whsec_".Length..])));
        Assert.Equal((1, "Not accepted: The address is not https://"), await RunAsync("webhook", "test", "default", id));

        var (rotated, another) = await RunAsync("webhook", "rotate", "default", id);
        Assert.Equal(0, rotated);
        Assert.Matches("^whsec_[A-Za-z0-9+/]{43}=$", another);
        Assert.NotEqual(secret, another);
        Assert.Matches($"^{id}	{Regex.Escape(address)}	[0-9: Z-]+	nothing sent yet	0 wait	0 given up$", (await RunAsync("webhook", "list", "default")).Output);
        Assert.Equal((0, "Removed."), await RunAsync("webhook", "remove", "default", id));
        Assert.Equal((1, "The shop has no such webhook"), await RunAsync("webhook", "remove", "default", id));
    }

    private Task<(int Code, string Output)> RunAsync(params string[] arguments) => dependencies.RunMigratorAsync(_database, "unused", [], arguments);
}
