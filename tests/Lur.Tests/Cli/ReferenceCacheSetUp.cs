namespace Lur.Tests.Cli;

/// <summary>Retrain models of the command's tests are kept in a folder of the test run, not in the user's cache.</summary>
[SetUpFixture]
public sealed class ReferenceCacheSetUp
{
    private const string Variable = "LUR_REFERENCES";
    private string? _before;
    private string _folder = "";

    [OneTimeSetUp]
    public void Redirect()
    {
        _before = Environment.GetEnvironmentVariable(Variable);
        _folder = Directory.CreateTempSubdirectory("lur-references-").FullName;
        Environment.SetEnvironmentVariable(Variable, _folder);
    }

    [OneTimeTearDown]
    public void Restore()
    {
        Environment.SetEnvironmentVariable(Variable, _before);
        Directory.Delete(_folder, recursive: true);
    }
}
