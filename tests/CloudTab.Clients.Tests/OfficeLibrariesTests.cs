using System.Text.Json;
using ClosedXML.Excel;
using CloudTab.Testing;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Spreadsheet;
using DocumentFormat.OpenXml.Wordprocessing;

namespace CloudTab.Clients.Tests;

/// <summary>Documents as the libraries write them from which most programs have theirs.</summary>
[Collection(RelayCollection.Name)]
public sealed class OfficeLibrariesTests(RunningRelay relay)
{
    private const string Ooxml = "application/vnd.openxmlformats-officedocument.";

    [Theory]
    [InlineData("Open XML SDK", "a.docx", Ooxml + "wordprocessingml.document")]
    [InlineData("Open XML SDK", "a.xlsx", Ooxml + "spreadsheetml.sheet")]
    [InlineData("Open XML SDK", "a.pptx", Ooxml + "presentationml.presentation")]
    [InlineData("ClosedXML", "a.xlsx", Ooxml + "spreadsheetml.sheet")]
    [InlineData("SheetJS", "a.xlsx", Ooxml + "spreadsheetml.sheet")]
    [InlineData("SheetJS", "a.xls", "application/vnd.ms-excel")]
    public async Task A_document_of_a_library_is_accepted(string library, string name, string type)
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-office-");
        try
        {
            var path = Path.Combine(folder.FullName, name);
            await WriteAsync(library, path);
            using var form = new MultipartFormDataContent { { new ByteArrayContent(await File.ReadAllBytesAsync(path, Token)), "files", name } };
            using var client = new HttpClient { BaseAddress = relay.Processes.Origin };

            using var answer = await client.PostAsync($"/api/customer/sessions/{await relay.CreateSessionAsync()}/upload", form, Token);

            var body = await answer.Content.ReadAsStringAsync(Token);
            Assert.True(answer.IsSuccessStatusCode, body);
            var file = JsonElement.Parse(body).GetProperty("files")[0];
            Assert.Equal((type, name), (file.GetProperty("type").GetString(), file.GetProperty("originalName").GetString()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task WriteAsync(string library, string path)
    {
        switch (library, Path.GetExtension(path))
        {
            case ("Open XML SDK", ".docx"):
                using (var document = WordprocessingDocument.Create(path, WordprocessingDocumentType.Document))
                    document.AddMainDocumentPart().Document = new(new Body(new Paragraph()));
                break;
            case ("Open XML SDK", ".xlsx"):
                using (var workbook = SpreadsheetDocument.Create(path, SpreadsheetDocumentType.Workbook))
                    workbook.AddWorkbookPart().Workbook = new(new Sheets());
                break;
            case ("Open XML SDK", _):
                using (var slides = PresentationDocument.Create(path, PresentationDocumentType.Presentation))
                    slides.AddPresentationPart().Presentation = new();
                break;
            case ("ClosedXML", _):
                using (var workbook = new XLWorkbook())
                {
                    workbook.AddWorksheet("Prices").Cell("A1").Value = "Copies";
                    workbook.SaveAs(path);
                }

                break;
            default:
                await using (var node = await ChildProcess.StartProgramAsync(
                    ["node", await NodePackages.ProgramAsync("workbook.mjs"), path], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token))
                {
                    Assert.True(await node.WaitForExitAsync(Token) == 0, node.Output);
                }

                break;
        }
    }
}
