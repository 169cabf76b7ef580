import type {
  IAuthenticateGeneric,
  ICredentialTestRequest,
  ICredentialType,
  Icon,
  INodeProperties,
} from "n8n-workflow";

export class FlorenceApi implements ICredentialType {
  name = "florenceApi";

  displayName = "Florence API";

  icon: Icon = {
    light: "file:../icons/florence.svg",
    dark: "file:../icons/florence.dark.svg",
  };

  documentationUrl =
    "https://github.com/florence-edge/n8n-nodes-florence#credentials";

  properties: INodeProperties[] = [
    {
      displayName: "Base URL",
      name: "baseUrl",
      type: "string",
      default: "http://localhost:8080",
      required: true,
      placeholder: "https://florence.example.com",
      description:
        "Address of your Florence service: a Worker, or what florence serve prints",
    },
    {
      displayName: "API Key",
      name: "apiKey",
      type: "string",
      typeOptions: { password: true },
      default: "",
      placeholder: "fk_...",
      description:
        "Made by florence keys create. Leave it empty for a service in open mode.",
    },
  ];

  // Without a key no header is sent: a service in open mode wants none.
  authenticate: IAuthenticateGeneric = {
    type: "generic",
    properties: {
      headers: {
        Authorization:
          '={{ $credentials.apiKey ? "Bearer " + $credentials.apiKey : undefined }}',
      },
    },
  };

  test: ICredentialTestRequest = {
    request: {
      baseURL: '={{ $credentials.baseUrl.replace(/\\/+$/, "") }}',
      url: "/v1/models",
    },
  };
}
