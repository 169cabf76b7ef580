import type {
  ICredentialDataDecryptedObject,
  ICredentialTestRequest,
  ICredentialType,
  Icon,
  IHttpRequestOptions,
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

  // A function, since an expression would send an empty header where there is no
  // key, and a service in open mode wants none.
  async authenticate(
    { apiKey }: ICredentialDataDecryptedObject,
    request: IHttpRequestOptions,
  ): Promise<IHttpRequestOptions> {
    const key = typeof apiKey === "string" ? apiKey.trim() : "";
    return key === ""
      ? request
      : {
          ...request,
          headers: { ...request.headers, Authorization: `Bearer ${key}` },
        };
  }

  test: ICredentialTestRequest = {
    request: {
      baseURL: '={{ $credentials.baseUrl.replace(/\\/+$/, "") }}',
      url: "/v1/models",
    },
  };
}
