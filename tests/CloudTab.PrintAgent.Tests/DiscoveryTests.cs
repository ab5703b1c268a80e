using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The search for printers by multicast DNS: what is read of answers, and, over real multicast on loopback, which of them count.</summary>
public sealed class DiscoveryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-discovery-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The answer of avahi 0.8, in which ippeveprinter announced itself.</summary>
    [Fact]
    public void A_printer_is_read_out_of_the_answer_of_a_real_responder()
    {
        var records = DnsMessage.Read(Golden());

        Assert.Equal(6, records.Count);
        Assert.Contains(new DnsRecord("_ipps._tcp.local.", DnsType.Ptr, @"Front desk, 1st\. floor._ipps._tcp.local."), records);
        Assert.Contains(new DnsRecord("shop-pc.local.", DnsType.A, Address: IPAddress.Parse("192.0.2.2")), records);
        Assert.Equal([new FoundPrinter("ipps://shop-pc.local:28631/ipp/print", "Example Printer")], PrinterSearch.Read(records));
    }

    [Fact]
    public void An_answer_that_was_tampered_with_is_read_or_refused_in_no_time()
    {
        const int seed = 20261130;
        var (random, golden, refused) = (new Random(seed), Golden(), 0);
        for (var run = 0; run < 20_000; run++)
        {
            var tampered = golden.AsSpan(0, run % 4 == 0 ? random.Next(golden.Length) : golden.Length).ToArray();
            for (var change = random.Next(1, 6); change > 0 && tampered.Length > 0; change--)
                tampered[random.Next(tampered.Length)] = (byte)random.Next(256);
            try
            {
                PrinterSearch.Read(DnsMessage.Read(tampered));
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1_000, 19_000);
    }

    [Theory]
    [InlineData("printer.local", "ipp/print", true)]
    [InlineData("printer.local", "/ipp/faxout", true)]
    [InlineData("printer.local", "ipp/print\nCLOUDTAB_URL=http://203.0.113.7", false)]
    [InlineData("printer.local", "ipp/print,ipp://203.0.113.7/ipp/print", false)]
    [InlineData("printer.local", "ipp/print#color", false)]
    [InlineData("print.example.com", "ipp/print", false)]
    [InlineData("printer.local\n", "ipp/print", false)]
    public void An_announcement_that_is_no_printers_of_this_network_is_left_out(string host, string path, bool isTaken)
    {
        const string instance = "A printer._ipp._tcp.local.";
        DnsRecord[] records =
        [
            new("_ipp._tcp.local.", DnsType.Ptr, instance), new(instance, DnsType.Srv, host + ".", Port: 631),
            new(instance, DnsType.Txt, Texts: new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { ["rp"] = path }),
        ];

        Assert.Equal(isTaken ? [$"ipp://{host}:631/{path.TrimStart('/')}"] : [], PrinterSearch.Read(records).Select(printer => printer.Address));
        Assert.Empty(PrinterSearch.Read([.. records.Take(2), new(instance, DnsType.Txt, Texts: new Dictionary<string, string> { ["rp"] = path, ["printer-type"] = "0x1046" })]));
    }

    [Fact]
    public async Task Announcements_without_number_hold_up_no_search()
    {
        const string instance = "A printer._ipp._tcp.local.";
        DnsRecord[] records =
        [
            .. Enumerable.Range(0, 100_000).Select(number => new DnsRecord("_ipp._tcp.local.", DnsType.Ptr, $"Printer {number}._ipp._tcp.local.")),
            new("_ipp._tcp.local.", DnsType.Ptr, instance), new(instance, DnsType.Srv, "printer.local.", Port: 631), new(instance, DnsType.Txt, Texts: new Dictionary<string, string>()),
        ];

        var found = await Task.Run(() => PrinterSearch.Read(records), Token).WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        Assert.Equal([new FoundPrinter("ipp://printer.local:631/ipp/print", "A printer")], found);
    }

    /// <summary>No printer is set: the verb lists what it finds. An agent's first start keeps what it finds, and later ones take no other.</summary>
    [Fact]
    public async Task A_printer_that_announces_itself_is_listed_and_kept_by_the_first_start()
    {
        TestPrinter.Require();
        await using var paper = await TestPrinter.StartAsync(Token);
        await using var announcer = new Announcer(paper.Port);
        var expected = string.Create(CultureInfo.InvariantCulture, $"ipp://{announcer.Host}:{paper.Port}/ipp/print");

        Assert.Contains($"{expected}  An announced printer  found", await RunAsync("printers"), StringComparison.Ordinal);
        using var printer = Given.Printer(expected);
        Assert.Equal("Test printer", (await printer.DescribeAsync(Token)).Name);

        await using (var agent = await ChildProcess.StartAsync("CloudTab.PrintAgent", Environment(), ready: null, Token))
        {
            await Eventually.HoldsAsync(
                () => Task.FromResult(File.Exists(Path.Combine(_folder, "settings"))), "the printers are kept", TimeSpan.FromMinutes(1), Token);
        }

        Assert.Contains(expected, await File.ReadAllTextAsync(Path.Combine(_folder, "settings"), Token), StringComparison.Ordinal);
    }

    private static byte[] Golden() => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", "avahi-printer.dns"));

    private async Task<string> RunAsync(string verb)
    {
        await using var process = await ChildProcess.StartAsync("CloudTab.PrintAgent", Environment(), ready: null, Token, verb);
        await process.WaitForExitAsync(Token);
        return process.Output;
    }

    private Dictionary<string, string> Environment() => new(StringComparer.Ordinal)
    {
        ["CLOUDTAB_AGENT_DATA"] = _folder,
        ["CLOUDTAB_URL"] = "http://localhost:1",
        ["CLOUDTAB_API_KEY"] = "ctk_key",
    };

    /// <summary>A responder on loopback that announces a printer there, in two answers, and something that is not to be believed.</summary>
    private sealed class Announcer : IAsyncDisposable
    {
        private static readonly byte[] Loopback = IPAddress.Loopback.GetAddressBytes();

        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _answering;
        private readonly int _port;

        public Announcer(int port)
        {
            _port = port;
            _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            _socket.Bind(new IPEndPoint(IPAddress.Any, 5353));
            _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(IPAddress.Parse("224.0.0.251"), IPAddress.Loopback));
            _answering = AnswerAsync();
        }

        public string Host { get; } = $"printer-{Guid.NewGuid():N}.local";

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _answering;
            _socket.Dispose();
            _stop.Dispose();
        }

        private async Task AnswerAsync()
        {
            var buffer = new byte[9_000];
            try
            {
                while (true)
                {
                    var query = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                    // Of its own queries and of what others on this machine answer it hears too.
                    if (query.ReceivedBytes < 12 || buffer[2] != 0)
                        continue;
                    var asked = Encoding.UTF8.GetString(buffer, 0, query.ReceivedBytes);
                    var answers = asked.Contains(Host[..^6], StringComparison.Ordinal) ? (byte[][])[Record(Host, 1, Loopback)]
                        : asked.Contains("Announced", StringComparison.Ordinal) ? [Record("Announced._ipp._tcp.local", 16, Text("ty=An announced printer", "rp=ipp/print"))]
                        : asked.Contains("_ipp", StringComparison.Ordinal)
                            ? [Record("_ipp._tcp.local", 12, Name("Announced._ipp._tcp.local")), Record("Announced._ipp._tcp.local", 33, [0, 0, 0, 0, (byte)(_port >> 8), (byte)_port, .. Name(Host)])]
                            : [];
                    if (answers.Length > 0)
                        await _socket.SendToAsync((byte[])[0, 0, 0x84, 0, 0, 0, 0, (byte)answers.Length, 0, 0, 0, 0, .. answers.SelectMany(one => one)], query.RemoteEndPoint, _stop.Token);
                }
            }
            catch (OperationCanceledException)
            {
                // Disposed of.
            }
        }

        private static byte[] Record(string name, byte type, byte[] data) => [.. Name(name), 0, type, 0x80, 1, 0, 0, 0, 10, (byte)(data.Length >> 8), (byte)data.Length, .. data];

        private static byte[] Name(string name) => [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.UTF8.GetBytes(label)]), 0];

        private static byte[] Text(params string[] texts) => [.. texts.SelectMany(text => (byte[])[(byte)text.Length, .. Encoding.UTF8.GetBytes(text)])];
    }
}
