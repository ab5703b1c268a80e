using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// A conversation with clamd: one command over one connection (https://docs.clamav.net/manual/Usage/Scanning.html#clamd, clamd(8)). "z" in
/// front of a command means that it and its answer end with a zero byte.
/// </summary>
internal static class Clamd
{
    private const int ChunkSize = 64 << 10;
    private const int LongestAnswer = 4 << 10;

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);

    /// <summary>Whether it answers.</summary>
    public static async Task<bool> PingAsync(DnsEndPoint endpoint, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var connection = await ConnectAsync(endpoint, clock, cancellationToken);
        var stream = connection.GetStream();
        await stream.WriteAsync("zPING\0"u8.ToArray(), cancellationToken);
        return await ReadAnswerAsync(stream, cancellationToken) == "PONG";
    }

    /// <summary>Has it scan a file: the bytes pass through one buffer, in chunks that each begin with their length.</summary>
    /// <returns>Its answer, such as `stream: OK` or `stream: Eicar-Test-Signature FOUND`.</returns>
    /// <exception cref="IOException">It closed the connection without an answer.</exception>
    public static async Task<string> ScanAsync(DnsEndPoint endpoint, Stream file, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var connection = await ConnectAsync(endpoint, clock, cancellationToken);
        var stream = connection.GetStream();
        await stream.WriteAsync("zINSTREAM\0"u8.ToArray(), cancellationToken);
        using var buffer = MemoryPool<byte>.Shared.Rent(sizeof(uint) + ChunkSize);
        int count;
        do
        {
            count = await file.ReadAsync(buffer.Memory[sizeof(uint)..], cancellationToken);
            BinaryPrimitives.WriteInt32BigEndian(buffer.Memory.Span, count);
        }
        while (await TryWriteAsync(stream, buffer.Memory[..(sizeof(uint) + count)], cancellationToken) && count > 0); // a chunk of no bytes ends the file
        return await ReadAnswerAsync(stream, cancellationToken);
    }

    /// <returns>False if it takes no more: it has answered in the middle of the file (`INSTREAM size limit exceeded. ERROR`), or gone away.</returns>
    private static async Task<bool> TryWriteAsync(NetworkStream stream, ReadOnlyMemory<byte> chunk, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(chunk, cancellationToken);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<TcpClient> ConnectAsync(DnsEndPoint endpoint, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(ConnectLimit, cancellationToken);
        var connection = new TcpClient();
        try
        {
            await connection.ConnectAsync(endpoint.Host, endpoint.Port, limit.Token);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static async Task<string> ReadAnswerAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var answer = new byte[LongestAnswer];
        var length = 0;
        while (length < answer.Length)
        {
            var count = await stream.ReadAsync(answer.AsMemory(length), cancellationToken);
            var end = answer.AsSpan(length, count).IndexOf((byte)0);
            if (end >= 0)
                return Encoding.UTF8.GetString(answer, 0, length + end);
            if (count == 0)
                throw new EndOfStreamException("clamd closed the connection before its answer.");
            length += count;
        }

        throw new InvalidDataException("clamd's answer has no end.");
    }
}
