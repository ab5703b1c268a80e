using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>
/// The requests of the customers' app that was there before this relay, byte by byte as a browser sends them for it, and what it reads of the answers.
/// It knows no shop, no resumable upload and no problem document, and it is not to notice.
/// </summary>
public sealed class OriginalClientTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Boundary = "----WebKitFormBoundaryAa0Bb1Cc2Dd3Ee4F";

    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData("{\"customerName\":\"Asha\"}")]
    [InlineData("{}")]
    [InlineData("")]
    public async Task It_opens_a_session_sends_two_files_in_one_form_and_watches_them(string body)
    {
        var (shopStatus, shop) = await AskAsync("GET", "/api/customer/shopkeeper/status");
        Assert.Equal(200, shopStatus);
        Assert.True(shop.GetProperty("online").GetBoolean());
        Assert.Equal(JsonValueKind.False, shop.GetProperty("connected").ValueKind);
        Assert.Equal(JsonValueKind.String, shop.GetProperty("message").ValueKind);

        var (createStatus, created) = await AskAsync("POST", "/api/customer/sessions/create", "application/json", Encoding.UTF8.GetBytes(body));
        Assert.Equal(200, createStatus);
        HasAtLeast(created, "success", "sessionId", "pickupCode", "expiresAt", "message");
        Assert.True(created.GetProperty("success").GetBoolean());
        Assert.Equal(6, created.Text("pickupCode")!.Length);
        var session = $"/api/customer/sessions/{created.Text("sessionId")}";

        var (openStatus, open) = await AskAsync("GET", $"{session}/status");
        Assert.Equal((200, "open", 0), (openStatus, open.GetProperty("session").Text("status"), open.GetProperty("session").GetProperty("fileCount").GetInt32()));

        var (sentStatus, sent) = await AskAsync("POST", $"{session}/upload", $"multipart/form-data; boundary={Boundary}", Form(("lease.pdf", "application/pdf", Sample.Pdf(500).Content), ("रसीद.txt", "text/plain", Sample.Text(20).Content)));
        Assert.Equal(200, sentStatus);
        HasAtLeast(sent, "success", "sessionId", "filesUploaded", "files", "message");
        Assert.Equal((true, created.Text("sessionId"), 2), (sent.GetProperty("success").GetBoolean(), sent.Text("sessionId"), sent.GetProperty("filesUploaded").GetInt32()));
        Assert.Equal(["lease.pdf 500 application/pdf", "रसीद.txt 20 text/plain"], sent.GetProperty("files").EnumerateArray().Select(file => $"{file.Text("originalName")} {file.GetProperty("size")} {file.Text("type")}"));
        HasAtLeast(sent.GetProperty("files")[0], "id", "originalName", "size", "type", "sha256");

        var (watchedStatus, watched) = await AskAsync("GET", $"{session}/status");
        Assert.Equal(200, watchedStatus);
        var seen = watched.GetProperty("session");
        HasAtLeast(watched, "success", "session");
        HasAtLeast(seen, "sessionId", "pickupCode", "status", "fileCount", "totalSize", "createdAt", "expiresAt", "completedAt", "files");
        Assert.Equal(
            (created.Text("pickupCode"), "pending", 2, 520L, JsonValueKind.Null),
            (seen.Text("pickupCode"), seen.Text("status"), seen.GetProperty("fileCount").GetInt32(), seen.GetProperty("totalSize").GetInt64(), seen.GetProperty("completedAt").ValueKind));
        HasAtLeast(seen.GetProperty("files")[0], "id", "name", "type", "size", "status");
        Assert.Equal(["lease.pdf stored", "रसीद.txt stored"], seen.GetProperty("files").EnumerateArray().Select(file => $"{file.Text("name")} {file.Text("status")}"));

        var (removedStatus, _) = await AskAsync("DELETE", $"{session}/files/{seen.GetProperty("files")[0].Text("id")}");
        var (withdrawnStatus, _) = await AskAsync("DELETE", session);
        var (_, ended) = await AskAsync("GET", $"{session}/status");
        Assert.Equal((204, 204, "cancelled"), (removedStatus, withdrawnStatus, ended.GetProperty("session").Text("status")));
    }

    [Fact]
    public async Task What_is_refused_it_shows_as_the_message()
    {
        var session = $"/api/customer/sessions/{await _client.CreateAsync()}";
        var form = $"multipart/form-data; boundary={Boundary}";

        await RefusedAsync(404, "session_not_found", "GET", $"/api/customer/sessions/{new string('0', 26)}/status");
        await RefusedAsync(400, "invalid_request", "POST", "/api/customer/sessions/create", "application/json", "{"u8.ToArray());
        await RefusedAsync(400, "no_files", "POST", $"{session}/upload", form, Form());
        await RefusedAsync(400, "empty_file", "POST", $"{session}/upload", form, Form(("a.pdf", "application/pdf", [])));
        await RefusedAsync(415, "type_not_accepted", "POST", $"{session}/upload", form, Form(("a.pdf", "application/pdf", "<html>"u8.ToArray())));
        var (_, status) = await AskAsync("GET", $"{session}/status");
        Assert.Equal("open", status.GetProperty("session").Text("status"));
    }

    private async Task RefusedAsync(int status, string code, string method, string path, string? type = null, byte[]? body = null)
    {
        var (answered, problem) = await AskAsync(method, path, type, body);
        Assert.Equal((status, code, false), (answered, problem.Text("code"), problem.GetProperty("success").GetBoolean()));
        Assert.False(string.IsNullOrWhiteSpace(problem.Text("message")));
    }

    private static void HasAtLeast(JsonElement json, params string[] fields) => Assert.Empty(fields.Except(json.Fields()));

    /// <summary>As FormData is sent by `fetch`: the files' parts all have the same name, their types follow their names, and names are UTF-8 as they are.</summary>
    private static byte[] Form(params (string Name, string Type, byte[] Content)[] files)
    {
        using var form = new MemoryStream();
        foreach (var (name, type, content) in files)
        {
            form.Write(Encoding.UTF8.GetBytes($"--{Boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: {type}\r\n\r\n"));
            form.Write(content);
            form.Write("\r\n"u8);
        }

        form.Write(Encoding.UTF8.GetBytes($"--{Boundary}--\r\n"));
        return form.ToArray();
    }

    /// <summary>In the order in which a browser has the headers; the connection is closed after each.</summary>
    private async Task<(int Status, JsonElement Json)> AskAsync(string method, string path, string? type = null, byte[]? body = null)
    {
        var length = body is null ? "" : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        var head = $"{method} {path} HTTP/1.1\r\nConnection: close\r\n{length}Accept: */*\r\n{(type is null ? "" : $"Content-Type: {type}\r\n")}Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nReferer: http://localhost:3000/\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-IN,en;q=0.9\r\n";
        using var socket = await RawHttp.SendAsync(_client.BaseAddress!, head, body);
        var answer = await RawHttp.ReadAsync(socket, until: null);
        var status = int.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture);
        var text = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        return (status, status == (int)HttpStatusCode.NoContent ? default : JsonElement.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..(text.LastIndexOf('}') + 1)]));
    }
}
