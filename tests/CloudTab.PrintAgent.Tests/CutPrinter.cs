using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using CloudTab.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Where an exchange with the printer is cut off.</summary>
public enum Cut
{
    /// <summary>The printer gets nothing of the request.</summary>
    Before,

    /// <summary>The printer gets a part of the request.</summary>
    Within,

    /// <summary>The printer has done it, and its answer is lost.</summary>
    After,
}

/// <summary>The way to a printer, which breaks once, at the first request for one operation. What happens then is up to the test: it kills the agent, for example.</summary>
internal sealed class CutPrinter : IAsyncDisposable
{
    private readonly HttpClient _printer = new();
    private readonly WebApplication _server;
    private readonly int _port;
    private (Func<IppOperation, bool> IsIt, Cut Cut, Func<Task> Then)? _cut;

    private CutPrinter(int port)
    {
        _port = port;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        _server = builder.Build();
        _server.Run(PassAsync);
    }

    public string Address => AddressOf("/ipp/print");

    /// <summary>Requests that have come, by their operations.</summary>
    public ConcurrentQueue<IppOperation> Requests { get; } = new();

    /// <summary>The same requests, byte for byte, with what the printer answered.</summary>
    public ConcurrentQueue<(byte[] Request, byte[] Answer)> Exchanges { get; } = new();

    /// <summary>How often the printer has said that a job is completed.</summary>
    public int SaidCompleted { get; private set; }

    /// <summary>Which part of a request the printer gets if it is cut within.</summary>
    public double Share { get; set; } = 0.5;

    /// <summary>Whether the printer says how many pages came out.</summary>
    public bool CountsPages { get; set; } = true;

    /// <summary>Whether the printer says that it knows Create-Job.</summary>
    public bool KnowsCreateJob { get; set; } = true;

    /// <summary>Whether the printer is said to be a queue of CUPS with a driver that does not know when a job is finished.</summary>
    public bool IsCups { get; set; }

    /// <summary>Whether the printer says of a job that it has completed it with errors.</summary>
    public bool HasErrors { get; set; }

    /// <summary>An attribute of which the printer says that it has ignored it when it created a job.</summary>
    public string? Ignores { get; set; }

    /// <summary>Whether the printer refuses requests of IPP 2.0.</summary>
    public bool KnowsOnlyVersion11 { get; set; }

    /// <summary>Whether the printer says that it takes jobs.</summary>
    public bool TakesJobs { get; set; } = true;

    /// <summary>Whether the printer says of its state what no keyword is, calls itself nothing but blanks, and has printed -1 pages of each job.</summary>
    public bool IsOdd { get; set; }

    /// <summary>A status of IPP that the next request for this operation gets instead of the printer's answer.</summary>
    public (IppOperation Operation, IppStatus Status)? Refusal { get; set; }

    /// <summary>
    /// Requests for this operation are kept waiting until the task has ended, as by a printer that has run out of paper; null: all are, as by one without power,
    /// whose connections nobody resets.
    /// </summary>
    public (IppOperation? Operation, Task Until)? Held { get; set; }

    public static Task<CutPrinter> StartAsync(TestPrinter printer, CancellationToken cancellationToken) => StartAsync(printer.Port, cancellationToken);

    /// <param name="port">Where the printer, or CUPS, listens on loopback.</param>
    public static async Task<CutPrinter> StartAsync(int port, CancellationToken cancellationToken)
    {
        var cut = new CutPrinter(port);
        await cut._server.StartAsync(cancellationToken);
        return cut;
    }

    /// <summary>Cuts the next request for this operation, and then does what the test says.</summary>
    public void CutAt(IppOperation operation, Cut cut, Func<Task> then) => CutAt(one => one == operation, cut, then);

    /// <summary>Cuts the next request of which this is true, and then does what the test says.</summary>
    public void CutAt(Func<IppOperation, bool> isIt, Cut cut, Func<Task> then) => _cut = (isIt, cut, then);

    /// <summary>The address of another printer, or queue, on the same way.</summary>
    public string AddressOf(string path) => $"ipp://127.0.0.1:{new Uri(_server.Urls.First()).Port}{path}";

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _printer.Dispose();
    }

    private async Task PassAsync(HttpContext context)
    {
        using var buffer = new MemoryStream();
        await context.Request.Body.CopyToAsync(buffer, context.RequestAborted);
        var body = buffer.ToArray();
        var operation = (IppOperation)BinaryPrimitives.ReadInt16BigEndian(body.AsSpan(2));
        Requests.Enqueue(operation);
        if (Held is { } held && (held.Operation is null || held.Operation == operation))
            await held.Until;

        if (KnowsOnlyVersion11 && BinaryPrimitives.ReadInt16BigEndian(body) != IppMessage.Version11)
        {
            await RefuseAsync(IppStatus.VersionNotSupported);
            return;
        }

        if (Refusal is { } refusal && refusal.Operation == operation)
        {
            Refusal = null;
            await RefuseAsync(refusal.Status);
            return;
        }

        var cut = _cut is { } set && set.IsIt(operation) ? _cut : null;
        _cut = cut is null ? _cut : null;
        if (cut is { Cut: Cut.Within })
            await SendPartAsync(body);
        var answer = cut is { Cut: Cut.Before or Cut.Within } ? [] : await ForwardAsync(context.Request.Path, body);
        Exchanges.Enqueue((body, answer));
        if (operation == IppOperation.GetJobAttributes && answer.Length > 0 && IppDecoder.Decode(answer)[IppTag.JobAttributes]["job-state"]?.Integer == (int)JobStage.Completed)
            SaidCompleted++;
        if (cut is not null)
        {
            await cut.Value.Then();
            context.Abort();
            return;
        }

        context.Response.ContentType = "application/ipp";
        await context.Response.Body.WriteAsync(answer);

        async Task RefuseAsync(IppStatus status)
        {
            byte[] bare = [.. body.AsSpan(0, 8), 0x03];
            BinaryPrimitives.WriteInt16BigEndian(bare.AsSpan(2), (short)status);
            await context.Response.Body.WriteAsync(bare);
        }
    }

    private async Task<byte[]> ForwardAsync(string path, byte[] body)
    {
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/ipp") } };
        using var answer = await _printer.PostAsync(new Uri($"http://localhost:{_port}{path}"), content);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        var taking = "printer-is-accepting-jobs\0\u0001"u8;
        if (!TakesJobs && bytes.AsSpan().IndexOf(taking) is >= 0 and var said)
            bytes[said + taking.Length] = 0;
        if (IsOdd)
            MakeOdd(bytes);
        var success = "\0\u001ajob-completed-successfully"u8;
        if (HasErrors && bytes.AsSpan().IndexOf(success) is >= 0 and var completed)
            bytes = [.. bytes.AsSpan(0, completed), .. "\0\u0019job-completed-with-errors"u8, .. bytes.AsSpan(completed + success.Length)];
        if (Ignores is { } name && (IppOperation)BinaryPrimitives.ReadInt16BigEndian(body.AsSpan(2)) is IppOperation.CreateJob or IppOperation.ValidateJob)
        {
            var created = IppDecoder.Decode(bytes);
            IppGroup ignored = new(IppTag.UnsupportedAttributes, [new(name, new IppValue(IppTag.Unsupported, ReadOnlyMemory<byte>.Empty))]);
            bytes = IppEncoder.Encode(created with { Code = (short)IppStatus.OkIgnoredAttributes, Groups = [created.Groups[0], ignored, .. created.Groups.Skip(1)] });
        }

        if ((IsCups || !KnowsCreateJob) && BinaryPrimitives.ReadInt16BigEndian(body.AsSpan(2)) == (short)IppOperation.GetPrinterAttributes)
        {
            var described = IppDecoder.Decode(bytes);
            bytes = IppEncoder.Encode(described with
            {
                Groups = [.. described.Groups.Select(group => group.Tag == IppTag.PrinterAttributes ? group with { Attributes = [.. Described(group.Attributes)] } : group)],
            });
        }

        for (int at; !CountsPages && (at = bytes.AsSpan().IndexOf("job-impressions-completed"u8)) >= 0;)
            bytes[at] = (byte)'x';
        return bytes;
    }

    private IEnumerable<IppAttribute> Described(IEnumerable<IppAttribute> attributes)
    {
        foreach (var attribute in attributes)
        {
            yield return attribute.Name == "operations-supported" && !KnowsCreateJob
                ? attribute with { Values = [.. attribute.Values.Where(value => value.AsInteger != (int)IppOperation.CreateJob)] }
                : attribute;
        }

        if (IsCups)
            yield return IppAttribute.Keyword("cups-version", "2.4");
    }

    private static void MakeOdd(byte[] answer)
    {
        var reason = "printer-state-reasons\0\u0004none"u8;
        if (answer.AsSpan().IndexOf(reason) is >= 0 and var named)
            answer[named + reason.Length - 1] = (byte)' ';
        var name = "Test printer"u8;
        for (int at; (at = answer.AsSpan().IndexOf(name)) >= 0;)
            answer.AsSpan(at, name.Length).Fill((byte)' ');
        var count = "job-impressions-completed\0\u0004"u8;
        if (answer.AsSpan().IndexOf(count) is >= 0 and var counted)
            BinaryPrimitives.WriteInt32BigEndian(answer.AsSpan(counted + count.Length), -1);
    }

    // A chunk that says how long it is and then breaks off.
    private async Task SendPartAsync(byte[] body)
    {
        using var connection = new TcpClient("localhost", _port);
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n{body.Length:x}\r\n");
        await connection.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. body.AsSpan(0, (int)(body.Length * Share))]);
    }
}
